-- M-Pesa's books beside ours
do $$ begin null; end $$;
