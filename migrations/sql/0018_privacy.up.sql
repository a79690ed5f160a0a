-- What the law says of people's data
do $$ begin null; end $$;
