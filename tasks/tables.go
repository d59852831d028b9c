package tasks

import (
	"fmt"
	"strconv"
)

// TableID is a routing table: its number, or main, default or local.
type TableID int

// mainTable is the number of the table main.
const mainTable TableID = 254

var tableNames = map[string]TableID{"default": 253, "main": mainTable, "local": 255}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TableID) UnmarshalText(text []byte) error {
	if id, ok := tableNames[string(text)]; ok {
		*t = id
		return nil
	}
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil || n == 0 || n > 1<<31-1 {
		return fmt.Errorf("%q is not a routing table: write main, default, local or a number from 1", text)
	}
	*t = TableID(n)
	return nil
}
