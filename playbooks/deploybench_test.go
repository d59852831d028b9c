package playbooks

import (
	"fmt"
	"testing"
)

// BenchmarkDeploy loads and compiles a deployment of 1,000 containers with ten links
// each over 100 hosts.
func BenchmarkDeploy(b *testing.B) {
	descriptor := "Containers:\n"
	for i := range 1000 {
		descriptor += fmt.Sprintf("- {Name: c%04d, Count: 1, Image: box, PublicPorts: [{Internal: 6379}], Links: [", i)
		for k := range 10 {
			descriptor += fmt.Sprintf("{To: c%04d},", (i+k*37+1)%1000)
		}
		descriptor += "]}\n"
	}
	inv := bigInventory(b, 100)
	files := map[string]string{"big.yaml": descriptor, "site.yaml": "- hosts: all\n  tasks:\n    - deploy: big.yaml\n"}
	read := func(path string) ([]byte, error) { return []byte(files[path]), nil }
	for b.Loop() {
		book, err := Load("site.yaml", Options{ReadFile: read, Inventory: inv})
		if err != nil {
			b.Fatal(err)
		}
		list, err := inv.Match("all")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := book.Plays[0].Compile(list, CompileOptions{Inventory: inv}); err != nil {
			b.Fatal(err)
		}
	}
}
