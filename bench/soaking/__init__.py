"""The long test: processes killed and disks failing under load, and what must hold of the record afterwards."""
