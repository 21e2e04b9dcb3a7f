"""Agents as Mesa users know them: views on rows of the state's arrays, and sets of them with Mesa's verbs.

An attribute is a column of the state, named as in `econ.market.state`. Reading one gives its present
value: a Python number, or a read-only array where the column has further axes. Assigning one gives the
model a new state, which its next step starts from. So nothing is stored twice, and a set of a million
labelers is three arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from econ.market.setting import JURISDICTIONS, REGIONS
from econ.market.state import Curators, Firms, State

if TYPE_CHECKING:
    from econ.market.mesa_model import MarketModel

Places = NDArray[np.int64]


class AgentView:
    """One agent: a place in the state's arrays and the id of who stood there when the view was made.

    Attributes
    ----------
    model : MarketModel
    place : int
        Along the agents' axis.
    unique_id : int
        From 1, unique in the model, never used again.
    """

    __slots__ = ("model", "place", "unique_id")
    #: Part of the state that holds the columns, and their names.
    part: ClassVar[str]
    columns: ClassVar[frozenset[str]]

    def __init__(self, model: MarketModel, place: int, unique_id: int) -> None:
        for name, value in (("model", model), ("place", place), ("unique_id", unique_id)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        """Value of a column."""
        if name not in self.columns:
            raise AttributeError(f"a {type(self).__name__.lower()} has no attribute {name!r}")
        value = column(self.model, type(self), name, np.array([self.place]), np.array([self.unique_id]))[0]
        return value.item() if value.ndim == 0 else value

    def __setattr__(self, name: str, value: Any) -> None:
        """Write through to the state."""
        write(self.model, type(self), name, np.array([self.place]), np.array([self.unique_id]), value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AgentView) and (self.model, self.unique_id) == (other.model, other.unique_id)

    def __hash__(self) -> int:
        return hash((id(self.model), self.unique_id))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self.place, self.unique_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


class Labeler(AgentView):
    """A person who labels, or could; see `econ.market.state.Labelers`."""

    __slots__ = ()
    part = "labelers"
    columns = frozenset({"log_ability", "experience", "reservation", "occupation", "last"})

    @property
    def region(self) -> str:
        """Name of the region."""
        return REGIONS[
            int(np.searchsorted(self.model.state.labelers.bounds[0], self.place, side="right")) - 1
        ]


class Firm(AgentView):
    """A deployer of models; see `econ.market.state.Firms`."""

    __slots__ = ()
    part = "firms"
    columns = frozenset(field.name for field in fields(Firms))


class Curator(AgentView):
    """A vendor of labels and libraries; see `econ.market.state.Curators`."""

    __slots__ = ()
    part = "curators"
    columns = frozenset(field.name for field in fields(Curators))


class Regulator(AgentView):
    """The regulator of a jurisdiction; its columns are those of `econ.market.state.Public` by jurisdiction."""

    __slots__ = ()
    part = "public"
    columns = frozenset({"norm", "fee_multiple", "effort_public", "commons_certified", "norm_reach"})

    @property
    def name(self) -> str:
        """Name of the jurisdiction."""
        return JURISDICTIONS[self.place]


#: In the order of ids; curators come last, since entrants need new ones without end.
KINDS: tuple[type[AgentView], ...] = (Labeler, Firm, Regulator, Curator)


def present(state: State, kind: type[AgentView]) -> Places:
    """Places of the agents of a kind who are in the market."""
    return (
        np.flatnonzero(state.curators.active[0])
        if kind is Curator
        else np.arange(_places(state)[KINDS.index(kind)])
    )


def agent_ids(state: State, kind: type[AgentView], places: Places) -> Places:
    """Ids of those who stand at the places now."""
    ids = 1 + sum(_places(state)[: KINDS.index(kind)]) + places
    occupants = state.curators.occupants[0]
    return ids + len(occupants) * occupants[places] if kind is Curator else ids


def _places(state: State) -> tuple[int, ...]:
    """Number of places of each kind."""
    arrays = state.labelers.occupation, state.firms.cash, state.public.fee_multiple, state.curators.active
    return tuple(array.shape[1] for array in arrays)


def column(model: MarketModel, kind: type[AgentView], name: str, places: Places, ids: Places) -> NDArray[Any]:
    """Read-only values of a column at some places."""
    _check_present(model, kind, places, ids)
    values: NDArray[Any] = getattr(getattr(model.state, kind.part), name)[0, places]
    values.flags.writeable = False
    return values


def write(
    model: MarketModel, kind: type[AgentView], name: str, places: Places, ids: Places, value: Any
) -> None:
    """Give the model a state with another value in a column."""
    if name not in kind.columns:
        raise AttributeError(f"{name!r} of a {kind.__name__.lower()} cannot be set")
    if name == "cash":
        raise AttributeError("'cash' cannot be set: it moves through the ledger alone, which must close")
    _check_present(model, kind, places, ids)
    part = getattr(model.state, kind.part)
    changed = getattr(part, name).copy()
    changed[0, places] = value
    model.state = replace(model.state, **{kind.part: replace(part, **{name: changed})})


def _check_present(model: MarketModel, kind: type[AgentView], places: Places, ids: Places) -> None:
    gone = ids[agent_ids(model.state, kind, places) != ids]
    if len(gone):
        raise AttributeError(f"{kind.__name__.lower()} {gone[0]} has left the market; another has its slot")


class AgentSet(Sequence[AgentView]):
    """Some agents in an order, answering as `mesa.agent.AgentSet` does.

    It holds places and ids, not values. Methods without a word here do what they do in Mesa.

    Parameters
    ----------
    model : MarketModel
    kinds, places, ids : ndarray [n]
        Index of each agent's kind in `KINDS`, its place and its id.
    """

    def __init__(self, model: MarketModel, kinds: Places, places: Places, ids: Places) -> None:
        self.model, self._kinds, self._places, self._ids = model, kinds, places, ids

    @classmethod
    def of(cls, model: MarketModel, *kinds: type[AgentView]) -> AgentSet:
        """All agents of some kinds who are in the market now."""
        places = [present(model.state, kind) for kind in kinds]
        ids = [agent_ids(model.state, kind, here) for kind, here in zip(kinds, places, strict=True)]
        codes = np.repeat([KINDS.index(kind) for kind in kinds], [len(here) for here in places])
        return cls(model, codes, np.concatenate(places), np.concatenate(ids))

    @property
    def random(self) -> Random:
        """The model's Mesa generator; the market itself never draws from it."""
        return self.model.random

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[AgentView]:
        return (self._view(i) for i in range(len(self)))

    def __contains__(self, agent: object) -> bool:
        return (
            isinstance(agent, AgentView)
            and agent.model is self.model
            and bool((self._ids == agent.unique_id).any())
        )

    def __getitem__(self, item: Any) -> Any:
        """An agent, or a list of agents, by place in the set."""
        if isinstance(item, slice):
            return [self._view(i) for i in range(len(self))[item]]
        return self._view(range(len(self))[item])

    def __repr__(self) -> str:
        return f"<AgentSet of {len(self)}>"

    def _view(self, index: int) -> AgentView:
        kind = KINDS[int(self._kinds[index])]
        return kind(self.model, int(self._places[index]), int(self._ids[index]))

    def _take(self, order: Iterable[int]) -> AgentSet:
        index = np.fromiter(order, np.int64)
        return AgentSet(self.model, self._kinds[index], self._places[index], self._ids[index])

    def _only_kind(self, name: str) -> type[AgentView] | None:
        """The kind of all agents, if there is one and `name` is a column of it."""
        codes = set(np.unique(self._kinds).tolist())
        kind = KINDS[codes.pop()] if len(codes) == 1 else None
        return kind if kind and name in kind.columns else None

    def get(
        self, attr_names: str | list[str], handle_missing: str = "error", default_value: Any = None
    ) -> list[Any]:
        """Values of an attribute, or lists of values of several."""
        if handle_missing not in ("error", "default"):
            raise ValueError(f"unknown handle_missing {handle_missing!r}, should be 'error' or 'default'")
        if not isinstance(attr_names, str):
            values_by_name = [self.get(name, handle_missing, default_value) for name in attr_names]
            return [list(row) for row in zip(*values_by_name, strict=True)]
        if kind := self._only_kind(attr_names):
            values = column(self.model, kind, attr_names, self._places, self._ids)
            return values.tolist() if values.ndim == 1 else list(values)
        if handle_missing == "default":
            return [getattr(agent, attr_names, default_value) for agent in self]
        return [getattr(agent, attr_names) for agent in self]

    def set(self, attr_name: str, value: Any) -> AgentSet:
        """Set an attribute of all to one value."""
        if kind := self._only_kind(attr_name):
            write(self.model, kind, attr_name, self._places, self._ids, value)
        else:
            for agent in self:
                setattr(agent, attr_name, value)
        return self

    def select(
        self, filter_func: Callable[[Any], bool] | None = None, at_most: float = np.inf, inplace: bool = False,
        agent_type: type | None = None,
    ) -> AgentSet:  # fmt: skip
        """The first agents that fit: a whole number of them, or a fraction of the set."""
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(self) * at_most)
        chosen: list[int] = []
        for i, agent in enumerate(self):
            if len(chosen) >= at_most:
                break
            if (agent_type is None or isinstance(agent, agent_type)) and (
                filter_func is None or filter_func(agent)
            ):
                chosen.append(i)
        found = self._take(chosen)
        if not inplace:
            return found
        self._kinds, self._places, self._ids = found._kinds, found._places, found._ids
        return self

    def agg(self, attribute: str, func: Callable[[Any], Any] | Iterable[Callable[[Any], Any]]) -> Any:
        """A function, or each of several, of the list of an attribute's values."""
        values = self.get(attribute)
        return func(values) if callable(func) else [one(values) for one in func]

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> AgentSet:
        """Call a function, or a method by name, on each agent."""
        self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> AgentSet:
        """As `do`, in an order drawn from the model's Mesa generator."""
        order = list(range(len(self)))
        self.random.shuffle(order)
        self._take(order).do(method, *args, **kwargs)
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Results of a function, or of a method by name, on each agent."""
        if isinstance(method, str):
            return [getattr(agent, method)(*args, **kwargs) for agent in self]
        return [method(agent, *args, **kwargs) for agent in self]

    def groupby(self, by: str | Callable[[Any], Any], result_type: str = "agentset") -> GroupBy:
        """Groups by an attribute or by the result of a function."""
        keys = self.map(by) if callable(by) else self.get(by)
        groups: dict[Any, list[int]] = {}
        for i, key in enumerate(keys):
            groups.setdefault(key, []).append(i)
        sets = {key: self._take(members) for key, members in groups.items()}
        return GroupBy(
            sets if result_type == "agentset" else {key: list(group) for key, group in sets.items()}
        )


class GroupBy:
    """Groups of agents by key, answering as `mesa.agent.GroupBy` does."""

    def __init__(self, groups: dict[Any, Any]) -> None:
        self.groups = groups

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.groups.items())

    def __len__(self) -> int:
        return len(self.groups)

    def count(self) -> dict[Any, int]:
        """Size of each group."""
        return {key: len(group) for key, group in self}

    def agg(self, attr_name: str, func: Callable[[Any], Any]) -> dict[Any, Any]:
        """A function of the list of an attribute's values, by group."""
        return {key: func([getattr(agent, attr_name) for agent in group]) for key, group in self}

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Result of a function of the group, or of its method, by group."""
        if isinstance(method, str):
            return {key: getattr(group, method)(*args, **kwargs) for key, group in self}
        return {key: method(group, *args, **kwargs) for key, group in self}

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> GroupBy:
        """As `map`, giving the groups back."""
        self.map(method, *args, **kwargs)
        return self
