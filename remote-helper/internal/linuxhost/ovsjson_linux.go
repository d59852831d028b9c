package linuxhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ovsTable is one table as ovs-vsctl --format=json prints it.
type ovsTable struct {
	Headings []string            `json:"headings"`
	Data     [][]json.RawMessage `json:"data"`
}

// ovsRow is a row of it by column.
type ovsRow map[string]json.RawMessage

func (t ovsTable) rows() ([]ovsRow, error) {
	out := make([]ovsRow, 0, len(t.Data))
	for _, cells := range t.Data {
		if len(cells) != len(t.Headings) {
			return nil, fmt.Errorf("a row of %d cells under %d headings", len(cells), len(t.Headings))
		}
		row := ovsRow{}
		for i, name := range t.Headings {
			row[name] = cells[i]
		}
		out = append(out, row)
	}
	return out, nil
}

// parseOVS reads the tables Bridge, Port, Interface and Controller, in that order.
func parseOVS(text string) (*ovsdb, error) {
	var tables [4][]ovsRow
	dec := json.NewDecoder(strings.NewReader(text))
	for i := range tables {
		var t ovsTable
		err := dec.Decode(&t)
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%d tables instead of %d", i, len(tables))
		}
		if err != nil {
			return nil, fmt.Errorf("table %d: %w", i+1, err)
		}
		if tables[i], err = t.rows(); err != nil {
			return nil, fmt.Errorf("table %d: %w", i+1, err)
		}
	}
	ports, interfaces, controllers := byUUID(tables[1]), byUUID(tables[2]), byUUID(tables[3])
	db := &ovsdb{}
	for _, row := range tables[0] {
		b := row.bridge(controllers)
		for _, id := range row.set("ports") {
			p, ok := ports[id].port(b, interfaces)
			switch {
			case ok && p.Name == b.Name:
				b.MTURequest = p.MTURequest
			case ok:
				db.ports = append(db.ports, p)
			}
		}
		db.bridges = append(db.bridges, b)
	}
	return db, nil
}

func byUUID(rows []ovsRow) map[string]ovsRow {
	out := make(map[string]ovsRow, len(rows))
	for _, row := range rows {
		for _, id := range row.set("_uuid") {
			out[id] = row
		}
	}
	return out
}

// set is a column of strings or references; one alone is printed without ["set", ...].
func (r ovsRow) set(column string) []string {
	var pair []json.RawMessage
	if json.Unmarshal(r[column], &pair) != nil || len(pair) != 2 {
		if one := r.text(column); one != "" {
			return []string{one}
		}
		return nil
	}
	var kind, id string
	if json.Unmarshal(pair[0], &kind) != nil {
		return nil
	}
	if kind != "set" {
		if json.Unmarshal(pair[1], &id) != nil {
			return nil
		}
		return []string{id}
	}
	var members []json.RawMessage
	if json.Unmarshal(pair[1], &members) != nil {
		return nil
	}
	var out []string
	for _, m := range members {
		out = append(out, ovsRow{"": m}.set("")...)
	}
	return out
}

// text is a column of one atom; "" for an empty set.
func (r ovsRow) text(column string) string {
	var atom any
	if json.Unmarshal(r[column], &atom) != nil {
		return ""
	}
	switch v := atom.(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	}
	return ""
}

// number is a column of one integer; 0 for an empty set.
func (r ovsRow) number(column string) int {
	n := 0
	if json.Unmarshal(r[column], &n) != nil {
		return 0
	}
	return n
}

// strings is a column that maps strings to strings; nil for an empty one.
func (r ovsRow) strings(column string) map[string]string {
	var pair []json.RawMessage
	var entries [][2]string
	if json.Unmarshal(r[column], &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[1], &entries) != nil || len(entries) == 0 {
		return nil
	}
	out := make(map[string]string, len(entries))
	for _, e := range entries {
		out[e[0]] = e[1]
	}
	return out
}

// numbers is a column of integers, ascending.
func (r ovsRow) numbers(column string) []int {
	var pair []json.RawMessage
	var out []int
	if n := r.number(column); n != 0 {
		return []int{n}
	}
	if json.Unmarshal(r[column], &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[1], &out) != nil || len(out) == 0 {
		return nil
	}
	slices.Sort(out)
	return out
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
