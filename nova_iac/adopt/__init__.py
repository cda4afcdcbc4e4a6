"""Taking what exists under code: one object, a whole account, or a lockfile made again. Reads the account, writes nothing."""
