"""dieharder finds nothing in the keystream."""

import shutil

import battery
import pytest

PRINTED = """
        test_name   |ntup| tsamples |psamples|  p-value |Assessment
   diehard_birthdays|   0|       100|     100|0.00458467|   WEAK
   diehard_birthdays|   0|       100|     200|0.58467771|  PASSED
      diehard_operm5|   0|   1000000|     100|0.00000000|  FAILED
"""


def test_table_is_read():
    first, second = battery.read(PRINTED)
    assert first["p_value"] == 0.58467771
    assert second["assessment"] == "FAILED"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dieharder") is None, reason="dieharder is not installed")
def test_dieharder():
    rows, _ = battery.run()
    assert len(rows) > 100
    assert {row["assessment"] for row in rows} == {"PASSED"}
