"""How the texts of operators and sensors are rendered: a text stays a text.

With ``render_template_as_native_obj`` Airflow reads every rendered text as a literal of Python, so that
"1.10" becomes 1.1 and a job name "20231023" a number. Here a template that is one expression gives that
expression's value if it is a list, a mapping or None, and all else is the text that the template writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import jinja2

_MARKS: Final = ("block_start_string", "variable_start_string", "comment_start_string")
_PREFIXES: Final = ("line_statement_prefix", "line_comment_prefix")


def has_template(text: str, env: jinja2.Environment) -> bool:
    """Whether there is anything to render in a text."""
    marks = (getattr(env, name) for name in (*_MARKS, *_PREFIXES))
    return any(mark and mark in text for mark in marks)


def is_container(value: Any) -> bool:
    """Whether a value has no form as a text that could be meant; None says that nothing is set."""
    return value is None or isinstance(value, Iterable)


def rendered(
    render: Callable[[jinja2.Template], Any],
    template: jinja2.Template,
    keeps: Callable[[Any], bool] = is_container,
) -> Any:
    """Return what a template renders to.

    :param render: Airflow's way, which brings the context; its result is not used.
    :param template: made from a text, for this call only.
    :param keeps: whether the value of a single expression, which is no text, is kept as it is.
    """
    from jinja2 import Undefined

    pieces: list[Any] = []
    root = template.root_render_func

    def collected(context: Any) -> Iterator[str]:
        pieces.extend(root(context))
        return iter(())

    template.root_render_func = collected
    render(template)
    if len(pieces) == 1 and not isinstance(pieces[0], (str, Undefined)) and keeps(pieces[0]):
        return pieces[0]
    return "".join(map(str, pieces))
