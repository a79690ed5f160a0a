-- Changes that two people make
do $$ begin null; end $$;
