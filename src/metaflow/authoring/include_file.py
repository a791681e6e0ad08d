"""Parameters whose value is a file: what is read, when, and what a step sees of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.parameters import Parameter
from metaflow.errors.input import ParameterValueInvalid
from metaflow.errors.storage import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow.artifact_store.store import ArtifactStore
    from metaflow.model.artifact import ArtifactRef

DESCRIPTOR_TYPE: Final = "uploader-v2"
PIECE: Final = 1 << 20
UNITS: Final = ("B", "KB", "MB", "GB", "TB")
UNIT: Final = 1024


class IncludedFile:
    """A file that a run includes, described by plain data.

    Parameters
    ----------
    descriptor : mapping
        `type` is `uploader-v2`, `url` the path of the file, `is_text` and `encoding` say how
        it is read, and `size` is its length in bytes.
    """

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: Mapping[str, Any]) -> None:
        self.descriptor: Final[dict[str, Any]] = dict(descriptor)

    @property
    def path(self) -> str:
        """Where the file is."""
        return str(self.descriptor["url"])

    @property
    def size(self) -> int:
        """Length in bytes."""
        return int(self.descriptor["size"])

    @property
    def text_encoding(self) -> str | None:
        """Encoding of the text; None when the content is bytes."""
        return str(self.descriptor["encoding"]) if self.descriptor["is_text"] else None

    @property
    def shown_size(self) -> str:
        """The size as people read it, such as `1.4 MB`."""
        number, unit = float(self.size), UNITS[0]
        for unit in UNITS:
            if number < UNIT or unit == UNITS[-1]:
                break
            number /= UNIT
        return f"{number:.1f} {unit}" if unit != UNITS[0] else f"{self.size} B"

    def decode(self) -> str | bytes:
        """Read the content.

        Returns
        -------
        str or bytes
            Text, if the file is one.
        """
        with open(self.path, "rb") as file:
            data = file.read()
        encoding = self.text_encoding
        return data if encoding is None else data.decode(encoding)

    def store_in(self, store: ArtifactStore, pack: str) -> ArtifactRef:
        """Store the content, without holding all of it in memory."""
        try:
            return store.save_file(self.path, pack, self.text_encoding)
        except OSError as error:  # it has gone since it was looked at
            raise StorageUnavailable(self.path, error.strerror or str(error)) from error

    def __repr__(self) -> str:
        return f"<IncludedFile {self.path}>"


class IncludeFile(Parameter):
    """A file that a run is given: its content is stored when the run starts.

    Assign it to an attribute of the flow class. In every step, `self.<attribute>` is then
    the content; it cannot be changed during the run.

    Parameters
    ----------
    name : str
        Name on the command line: `IncludeFile('table')` is set by `--table PATH`.
    default : str or callable, optional
        Path for runs that give none, or a function that is called with a
        `ParameterContext` and returns one. Without a default such runs see `None`.
    is_text : bool, default True
        The content is a `str`; otherwise it is `bytes`.
    encoding : str, default 'utf-8'
        Encoding of the text.
    required : bool, default False
        A run must give a path. A default makes this moot.
    help : str, optional
        Text for `run --help`.
    parser : callable or str, optional
        A function, or its dotted name, that makes the value that steps see from the content.
        It is called in each task that uses the value.
    show_default : bool, default True
        Show the default in `run --help`.
    **options : Any
        Passed on to the command line's option, such as `hidden=True`.

    Examples
    --------
    >>> class TrainFlow(FlowSpec):
    ...     table = IncludeFile('table', default='table.csv')
    ...     rules = IncludeFile('rules', default='rules.json', parser='json.loads')
    """

    def __init__(
        self,
        name: str,
        default: Any = None,
        is_text: bool = True,
        encoding: str = "utf-8",
        required: bool = False,
        help: str | None = None,  # noqa: A002 - public keyword
        parser: Callable[[Any], Any] | str | None = None,
        show_default: bool = True,
        **options: Any,
    ) -> None:
        options.setdefault("metavar", "PATH")
        super().__init__(name, default, str, help, required, show_default, **options)
        self.is_text: bool = is_text
        self.encoding: str = encoding
        self.parser: Callable[[Any], Any] | str | None = parser

    def convert_one(self, value: Any) -> Any:
        """Take a path and look at the file.

        Parameters
        ----------
        value : str or path
            The path; `~` stands for the home folder.

        Returns
        -------
        IncludedFile
            What the run will store.

        Raises
        ------
        ParameterValueInvalid
            The file cannot be read, or is no text although it should be.
        """
        if isinstance(value, IncludedFile):
            return value
        if not isinstance(value, str | os.PathLike):
            raise ParameterValueInvalid(self.name, f"`{value!r}` is not the path of a file")
        text = os.fspath(value)
        if "://" in text:
            raise ParameterValueInvalid(
                self.name, f"`{text}` is an address; download the file and give its path"
            )
        path = os.path.abspath(os.path.expanduser(text))
        try:
            size = self._look_through(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ParameterValueInvalid(
                self.name, f"the file `{text}` cannot be read: {reason}"
            ) from error
        except UnicodeDecodeError as error:
            raise ParameterValueInvalid(
                self.name,
                f"the file `{text}` is no text in {self.encoding}: {error.reason} "
                "(files that are no text take `is_text=False`)",
            ) from error
        return IncludedFile(
            {
                "type": DESCRIPTOR_TYPE,
                "url": path,
                "is_text": bool(self.is_text),
                "encoding": self.encoding,
                "size": size,
            }
        )

    def _look_through(self, path: str) -> int:
        """Read as much of a file as it takes to trust it, and return its size."""
        with open(path, "rb", buffering=0) as file:
            if self.is_text:
                from codecs import getincrementaldecoder

                decoder = getincrementaldecoder(self.encoding)()
                while piece := file.read(PIECE):
                    decoder.decode(piece)
                decoder.decode(b"", True)
            else:
                file.read(1)
            return os.fstat(file.fileno()).st_size

    def check_result(self, value: Any) -> None:
        """Refuse what a default's function returns unless it is a path."""
        if not isinstance(value, str | os.PathLike):
            raise ParameterValueInvalid(self.name, f"`{value!r}` is not the path of a file")

    def in_step(self, value: Any) -> Any:
        """Make what a step sees from the content."""
        if value is None or self.parser is None:
            return value
        return self._parser()(value)

    def _parser(self) -> Callable[[Any], Any]:
        if not isinstance(self.parser, str):
            assert self.parser is not None, "called for a parameter with a parser only"
            return self.parser
        from importlib import import_module

        module, _, name = self.parser.rpartition(".")
        function: Callable[[Any], Any] = getattr(import_module(module), name)
        return function

    def _check_type(self) -> None:
        default = self.default
        if not (default is None or callable(default) or isinstance(default, str | os.PathLike)):
            raise self.mismatch("default", f"`{default!r}` is neither a path nor a function")
        if isinstance(self.parser, str):
            if not all(part.isidentifier() for part in ("_." + self.parser).split(".")):
                raise self.mismatch("parser", f"`{self.parser}` is no dotted name")
            if "." not in self.parser:
                raise self.mismatch("parser", f"`{self.parser}` has no module in front")
        elif self.parser is not None and not callable(self.parser):
            raise self.mismatch("parser", f"`{self.parser!r}` is neither a function nor its name")
        if self.is_text:
            from codecs import lookup

            try:
                lookup(self.encoding)
            except (LookupError, TypeError):
                raise self.mismatch("encoding", f"`{self.encoding}` is no encoding") from None
