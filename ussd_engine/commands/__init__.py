"""What each `ussd` command does. cli.py puts them together; a module here is imported when it is asked."""
