-- What a cache is told of changes: back.
do $$ begin null; end $$;
