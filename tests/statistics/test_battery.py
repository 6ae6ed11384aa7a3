"""dieharder finds nothing in the keystream."""

import shutil

import battery
import pytest

PRINTED = """
        test_name   |ntup| tsamples |psamples|  p-value |Assessment
   diehard_birthdays|   0|       100|     100|0.00458467|   WEAK
   diehard_birthdays|   0|       100|     200|0.58467771|  PASSED
      diehard_operm5|   0|   1000000|     100|0.00000000|  FAILED
          sts_serial|   3|    100000|     100|0.97453472|  PASSED
          sts_serial|   3|    100000|     100|0.88399786|  PASSED
        diehard_sums|   0|       100|    1100|0.00000005|  FAILED
"""


def test_table_is_read():
    rows = battery.read(PRINTED)
    assert [row["p_value"] for row in rows] == [0.58467771, 0, 0.97453472, 0.88399786, 5e-8]
    assert battery.failures(rows) == [rows[1]]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dieharder") is None, reason="dieharder is not installed")
def test_dieharder():
    rows, _ = battery.run()
    assert len(rows) > 100
    assert battery.failures(rows) == []
