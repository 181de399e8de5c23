-- What the books said at an instant goes forward from a snapshot taken before it, by movements dated between. One dated more
-- than a day ahead of when it was recorded would be missed: there are next to none, and this finds them.
create index move_dated_ahead on move (seq) where extract(epoch from effective_at - recorded_at) > 86400;
