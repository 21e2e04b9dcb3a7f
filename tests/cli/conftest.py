"""The command line as a function, for all tests of commands."""

import pytest

from econ.cli import main


@pytest.fixture
def econ(monkeypatch, capsys):
    """Run the command line; return exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["econ", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
