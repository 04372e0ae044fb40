"""The long test of people: approvals under kill -9, full disks and holds, and what the record must say afterwards."""
