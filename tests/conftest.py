"""Options and profiles for the whole suite."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# No deadlines: a loaded machine is no defect of the code. In CI every run tries the same examples.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.register_profile("fuzz", settings.get_profile("dev"), max_examples=20_000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# A shell without job control starts what runs in the background with Ctrl-C ignored, and children
# inherit that: tests that interrupt something would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the expected outputs anew instead of comparing with them",
    )


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """True where a golden test shall write its expected output instead of comparing with it."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True, scope="session")
def records_of_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test measures goes to a folder of the tests, not among the user's own records."""
    os.environ["PERFDSL_RECORDS"] = str(tmp_path_factory.mktemp("records"))
