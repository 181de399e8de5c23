"""Shortest ways that keep out of stations, and what is wrong with a road map."""

import pytest

from tests.edge.fleet.yard import yard
from warehouse.roads import MapEdge, MapNode, RoadMap, Station, StationKind
from warehouse.routes import Routes, problems


def diamond() -> RoadMap:
    """a to d over b (short, but b is a station) or over c (longer); d to a only by c."""
    nodes = tuple(MapNode(name, x, y) for name, x, y in [("a", 0, 0), ("b", 1, 0), ("c", 1, 5), ("d", 2, 0)])
    edges = (MapEdge("a", "b"), MapEdge("b", "d", both_ways=False), MapEdge("a", "c"), MapEdge("c", "d", length_m=9.0))
    return RoadMap(nodes, edges, (Station("s", "b"),))


def test_the_shortest_way_does_not_lead_through_a_station() -> None:
    routes = Routes(diamond())
    way = routes.way("a", "d")
    assert way is not None
    assert way.nodes == ("a", "c", "d")
    assert [(edge.start, edge.end) for edge in way.edges] == [("a", "c"), ("c", "d")]
    assert round(way.length_m, 3) == round(26**0.5 + 9, 3)
    to_station = routes.way("a", "b")
    assert to_station is not None
    assert to_station.nodes == ("a", "b")
    from_station = routes.way("b", "c")
    assert from_station is not None
    assert from_station.nodes == ("b", "a", "c")


def test_one_way_streets_and_dead_ends() -> None:
    roads = RoadMap((MapNode("a", 0, 0), MapNode("b", 1, 0)), (MapEdge("a", "b", both_ways=False),))
    routes = Routes(roads)
    assert routes.way("b", "a") is None
    here = routes.way("a", "a")
    assert here is not None
    assert (here.nodes, here.edges, here.length_m) == (("a",), (), 0.0)


def test_the_nearest_node_of_the_same_map() -> None:
    routes = Routes(diamond())
    assert routes.nearest(0.9, 0.1, "site", 1.0) == "b"
    assert routes.nearest(0.9, 0.1, "cellar", 1.0) is None
    assert routes.nearest(50, 50, "site", 1.0) is None


def test_a_sound_map_has_no_problems() -> None:
    assert problems(yard()) == []


def test_every_problem_is_named() -> None:
    nodes = (MapNode("a", 0, 0), MapNode("a", 1, 1), MapNode("b", 2, 0))
    stations = (Station("s", "a"), Station("t", "b"), Station("t", "nowhere", StationKind.PARK), Station("u", "a"))
    found = "\n".join(problems(RoadMap(nodes, (MapEdge("a", "b"), MapEdge("b", "x")), stations)))
    for words in ("node a is there twice", "station t is there twice", "edge b-x: no node x", "no node nowhere"):
        assert words in found
    assert "another station" in found
    assert "joins two stations" in found
    apart = RoadMap((MapNode("a", 0, 0), MapNode("b", 1, 0)), (), (Station("s", "a"), Station("t", "b")))
    assert problems(apart) == ["station t: no way from s", "station s: no way from t"]


def test_lengths_to_all_stations_are_those_of_the_single_ways() -> None:
    routes = Routes(yard())
    lengths = routes.lengths_from("at-dock-0")
    for station in routes.stations.values():
        way = routes.way("at-dock-0", station.node)
        assert way is not None
        assert lengths[station.node] == pytest.approx(way.length_m)
