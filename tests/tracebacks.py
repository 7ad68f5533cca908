"""What an error tracker sees of an error: texts, causes, and the local variables of frames."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import airflow_provider_modelarts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

OURS = str(Path(airflow_provider_modelarts.__file__).parent)
HTTP = re.compile(r"/(requests|urllib3|http|ssl|socket)(/|\.py)")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, its causes and its contexts."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of this package and of the HTTP library; Airflow's and the test's own are not ours."""
    for each in chain(error):
        trace = each.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name.startswith(OURS) or HTTP.search(name):
                yield trace.tb_frame
            trace = trace.tb_next


def leaks(error: BaseException, *secrets: str) -> list[str]:
    """Return where a secret, or a signature, can be seen of an error."""
    words = (*secrets, "Signature=0", "Signature=SDK")
    texts = [f"{each!r} {each} {each.args} {vars(each)}" for each in chain(error)]
    for frame in frames(error):
        where = frame.f_code.co_qualname
        texts += [f"{where}: {name}={value!r}" for name, value in frame.f_locals.items()]
    return [text for text in texts if any(word in text for word in words)]
