"""Frozen records: dataclasses to the type checker, cheaper at run time.

``dataclasses`` compiles five methods for every class; with the fifty record types that every run loads this took a
quarter of ``doctor check --quick``. These share one set of methods instead (docs/decisions/records.md).
"""

from typing import TYPE_CHECKING, Any, Callable, Tuple

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:

    class _Factory:
        """A default that is made anew for every record."""

        __slots__ = ("make",)

        def __init__(self, make: Callable[[], Any]) -> None:
            self.make = make

    def field(default_factory: Callable[[], Any]) -> Any:
        """Return a default that is made anew for every record."""
        return _Factory(default_factory)

    def replace(item: Any, **changes: Any) -> Any:
        """Return a copy of a record with other values; raises TypeError for a field that it does not have."""
        return type(item)(**dict(item.__dict__, **changes))

    def dataclass(cls=None, **_options):
        """Make a class with annotated fields a frozen record."""
        if cls is None:
            return dataclass
        names = tuple(cls.__annotations__)
        cls.record_fields = names
        cls.record_defaults = tuple((name, cls.__dict__[name]) for name in names if name in cls.__dict__)
        for name, default in cls.record_defaults:
            if type(default) is _Factory:
                delattr(cls, name)
        cls.__init__ = _init
        cls.__setattr__ = cls.__delattr__ = _frozen
        cls.__eq__ = _equal
        cls.__hash__ = _hash
        cls.__repr__ = _represent
        return cls

    def _init(self, *args, **kwargs):
        names = self.record_fields
        if len(args) > len(names):
            raise TypeError("%s takes %d values, not %d" % (type(self).__name__, len(names), len(args)))
        values = dict(zip(names, args))
        for name, value in kwargs.items():
            if name in values or name not in names:
                raise TypeError("%s: unexpected field %s" % (type(self).__name__, name))
            values[name] = value
        for name, default in self.record_defaults:
            if name not in values:
                values[name] = default.make() if type(default) is _Factory else default
        if len(values) != len(names):
            missing = ", ".join(name for name in names if name not in values)
            raise TypeError("%s: missing %s" % (type(self).__name__, missing))
        self.__dict__.update(values)

    def _frozen(self, *_):
        raise AttributeError("%s is frozen" % type(self).__name__)

    def _equal(self, other):
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def _hash(self):
        return hash(tuple(self.__dict__[name] for name in self.record_fields))

    def _represent(self):
        values = ", ".join("%s=%r" % (name, self.__dict__[name]) for name in self.record_fields)
        return "%s(%s)" % (type(self).__name__, values)


def fields(cls: Any) -> Tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    return cls.record_fields  # type: ignore[no-any-return]


def is_record(value: Any) -> bool:
    """Tell whether this is a record, or the type of one."""
    return hasattr(value, "record_fields")
