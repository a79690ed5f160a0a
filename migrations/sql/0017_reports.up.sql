-- Reports that were made
do $$ begin null; end $$;
