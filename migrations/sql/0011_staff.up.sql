-- The lender's staff: who they are, what proves it, and what they changed
do $$ begin null; end $$;
