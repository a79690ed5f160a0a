-- Reports that were made: back.
do $$ begin null; end $$;
