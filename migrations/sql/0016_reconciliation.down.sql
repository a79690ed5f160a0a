-- M-Pesa's books beside ours: back.
do $$ begin null; end $$;
