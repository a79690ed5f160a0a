-- What a cache is told of changes
do $$ begin null; end $$;
