"""What can be wrong with a model file or an input: what, where, and how to mend it.

The runner raises these, and nothing else for what its user gave it; the command line turns them
into diagnostics of their codes. Pages of the codes: `perfdsl explain P802`.
"""

from __future__ import annotations

from typing import ClassVar


class RunnerError(Exception):
    """code: of the message; what: one sentence without a stop; mend: what to do about it.

    usual: how to mend errors of the class that do not say it themselves.
    """

    code: ClassVar[str]
    usual: ClassVar[str] = ""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend or self.usual

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}" if self.mend else self.what


class ModelFileError(RunnerError):
    """The bytes of the file are not what GGUF has there.

    offset: of the byte in the file where it shows, None where it is nowhere in particular; name:
    of the key or tensor, "" for neither. A name is the file's own text: show it with care.
    """

    code = "P802"
    usual = "the file is damaged, or was not copied to its end"

    def __init__(
        self, what: str, offset: int | None = None, name: str = "", mend: str = ""
    ) -> None:
        super().__init__(what, mend)
        self.offset = offset
        self.name = name

    def __str__(self) -> str:
        named = f" ({self.name!a})" if self.name else ""
        where = "" if self.offset is None else f" at byte {self.offset:,}"
        return f"{self.what}{named}{where}" + (f": {self.mend}" if self.mend else "")


class UnreadableFileError(ModelFileError):
    """There is no such file, or it may not be read, or it is no file."""

    code = "P801"
    usual = "`perfdsl model synth -o FILE` makes a model file of random weights"


class OtherModelError(ModelFileError):
    """The keys do not describe a model that the runner has the code for."""

    code = "P803"
    usual = "files of EmbeddingGemma are read, of architecture `gemma-embedding`"


class TensorError(ModelFileError):
    """A tensor is missing, or it lies elsewhere or is made otherwise than the model has it."""

    code = "P804"
    usual = "the file is damaged, or is not one of EmbeddingGemma in Q8_0"


class NumberError(ModelFileError):
    """A weight is infinite or not a number, or weights make a vector so."""

    code = "P805"
    usual = "the file is damaged, or its weights had overflowed when it was made"


class VocabularyError(ModelFileError):
    """Tokens, scores and types do not make a vocabulary of the model."""

    code = "P806"
    usual = "the file has parts of different models, or is damaged"


class InputError(RunnerError):
    """What was to be embedded, or how, is not what the model takes."""

    code = "P811"


class TooLongError(InputError):
    """A text has more tokens than the model's context."""

    code = "P812"


class MissingLibraryError(RunnerError):
    """A library of the extra `runner` is not installed."""

    code = "P821"


class OutputError(RunnerError):
    """A file cannot be written, or would take the place of another."""

    code = "P831"
