"""Blocks of rows laid out for COPY at once, against what the server reads out of them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.arrays import FLOAT4, FLOAT8, INT2, TIME, Column, Words, binary_rows, since_2000_us
from store.database import connect

TABLE = b"CREATE TEMP TABLE t (n int2, word text, at timestamptz, x float8, y float4)"
COPY = b"COPY t (n, word, at, x, y) FROM STDIN (FORMAT BINARY)"
READ = b"SELECT word, extract(epoch FROM at)::bigint / 60, x, y::float8 FROM t ORDER BY n"


@pytest.fixture
def conn(migrated_embedded_db):
    with connect(migrated_embedded_db, name="test") as conn:
        conn.execute(TABLE)
        yield conn


ROW = st.tuples(
    st.none() | st.sampled_from(["", "S1", "a longer name", "滨海大道"]),
    st.none() | st.integers(0, 60_000_000),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.floats(allow_nan=False, width=32),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=12))
def test_the_server_reads_what_was_laid_out(conn, rows):
    """Any rows, with NULL anywhere, texts of any length and none at all, come out as they went
    in."""
    conn.execute(b"TRUNCATE t")
    texts = sorted({row[0] for row in rows if row[0] is not None})
    words, minutes, xs, ys = ([row[i] for row in rows] for i in range(4))

    def column(values, type_, zero):
        null = np.array([value is None for value in values], bool)
        return Column(np.array([zero if v is None else v for v in values]), type_, null)

    at = column(minutes, TIME, 0)
    laid_out = binary_rows(
        [
            Column(np.arange(len(rows)), INT2),
            Words(np.array([-1 if w is None else texts.index(w) for w in words], np.int64), texts),
            Column(since_2000_us(at.values.astype(np.int64)), TIME, at.null),
            column(xs, FLOAT8, 0.0),
            column(ys, FLOAT4, 0.0),
        ]
    )
    with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(laid_out)
    assert conn.execute(READ).fetchall() == rows


def test_columns_of_unequal_length_are_refused():
    """Half a row is a mistake of the caller's, said before the server sees it."""
    with pytest.raises(ValueError, match=r"columns of \[2, 3\] rows"):
        binary_rows([Column(np.zeros(2), FLOAT8), Column(np.zeros(3), FLOAT8)])
