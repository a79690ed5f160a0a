-- The lender's staff: who they are, what proves it, and what they changed: back.
do $$ begin null; end $$;
