-- What the lists of staff need to be quick
do $$ begin null; end $$;
