-- Changes that two people make: back.
do $$ begin null; end $$;
