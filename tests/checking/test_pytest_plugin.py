"""Installing minicnn gives pytest the fixture `gradcheck`, and nothing more."""

import subprocess
import sys
import textwrap

TESTS = """
    import sys

    EARLY = {name for name in ("minicnn", "numpy", "numba") if name in sys.modules}

    def test_the_plugin_imports_nothing():
        assert not EARLY

    def test_a_right_backward(gradcheck):
        assert gradcheck(lambda x: x * x, [[1.0, 2.0], [3.0, -4.0]])
        assert "numba" not in sys.modules

    def test_a_wrong_backward(gradcheck):
        import minicnn

        class Square(minicnn.Op):
            def forward(self, x):
                self.x = x
                return x * x

            def backward(self, gy):
                return self.x * gy

        gradcheck(lambda x: Square()(x), [1.0, 2.0, 3.0])
"""


def test_the_fixture_in_somebody_elses_tests(tmp_path):
    (tmp_path / "test_theirs.py").write_text(textwrap.dedent(TESTS))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert "fixture 'gradcheck' not found" not in run.stdout, (
        "install minicnn again: pip install -e ."
    )
    assert "2 passed" in run.stdout and "1 failed" in run.stdout, run.stdout + run.stderr
    assert "diagnosis: a constant factor is wrong: every element is 1/2" in run.stdout


def test_the_plugin_is_one_fixture():
    import pytest_minicnn

    names = {name for name in vars(pytest_minicnn) if not name.startswith(("__", "@"))}
    assert names == {"pytest", "gradcheck"}
