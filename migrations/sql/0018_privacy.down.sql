-- What the law says of people's data: back.
do $$ begin null; end $$;
