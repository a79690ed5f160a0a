"""The phone simulator: a handset without I/O, a terminal around it, a web page beside them.

handset   what a phone and its gateway remember and send; no socket, no clock
gateway   posts what a handset sends, as Africa's Talking does
terminal  `ussd try`: lines for pipes, a small feature phone (tui) for people
events    the board on which a development server shows what each turn did
web       the page at /phone and its event stream, in development only
"""
