-- What product staff published: a folder of menus under the hash of its content, and when it went live.

create table bundle (
    name text primary key,
    service text not null,
    sources jsonb not null,
    created_at timestamptz not null default now(),
    created_by text not null default '',
    note text not null default ''
);

create index bundle_of_service on bundle (service, created_at desc);

create table bundle_publication (
    id bigserial primary key,
    service text not null,
    bundle text not null references bundle (name),
    published_at timestamptz not null default now(),
    published_by text not null default '',
    note text not null default ''
);

create index bundle_publication_newest on bundle_publication (service, id desc);
