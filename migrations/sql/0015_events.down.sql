-- What dialogs and the server were like: events, counted: back.
do $$ begin null; end $$;
