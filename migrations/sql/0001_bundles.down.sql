drop table bundle_publication;
drop table bundle;
