-- Distances by the codes of places: a site file may know a bin's station before anybody has described the bin.
drop table road_distance;
create table road_distance (
    pickup   text not null,   -- where goods are handed over: a portal's name or a location's code
    location text not null,   -- a location's code
    metres   double precision not null check (metres >= 0),
    primary key (pickup, location)
);
