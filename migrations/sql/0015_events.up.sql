-- What dialogs and the server were like: events, counted
do $$ begin null; end $$;
