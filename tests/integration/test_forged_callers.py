"""Forty-four shapes of a forged or missing identity, with callers known by the file of tokens: none is accepted."""
import sqlite3
import unittest

from forged_callers import ForgedCallers
from stack import Stack


class StaticTokens(ForgedCallers, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.alice, cls.carol = cls.stack.add_user("alice"), cls.stack.add_user("carol")
        cls.stack.connect(bearer=cls.alice)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def stored(self):
        with sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=10) as db:
            return db.execute("SELECT user_id, updated_at FROM connections ORDER BY user_id").fetchall()
