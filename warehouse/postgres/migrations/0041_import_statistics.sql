-- A large import multiplies tables that the planner last saw when they were small, and what comes next, in the same
-- transaction and after it, would be planned for what they were. The service's role owns no table and may not analyze
-- one; this does that for it, for the tables that imports fill.
create function analyze_imported(names text[]) returns void language plpgsql security definer
    set search_path from current as $$
declare
    name text;
begin
    foreach name in array names loop
        if name = any ('{category,item,item_unit,partner,location,lot,serial,tag,handling_unit,document,document_line,bom,
                         bom_line,move,balance,value_pool,import_effect}'::text[]) then
            execute format('analyze %I', name);
        end if;
    end loop;
end $$;
