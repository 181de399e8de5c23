"""Pure decision logic, one key at a time: values in, values out, time is an argument."""
