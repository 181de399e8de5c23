-- Goods that become another owner's where they stand: between the two movements they are nobody's.
insert into location (code, name, kind) values ('OWNERSHIP', 'Changes of owner', 'adjustment');
