-- What the lists of staff need to be quick: back.
do $$ begin null; end $$;
