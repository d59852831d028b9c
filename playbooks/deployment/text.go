package deployment

import "encoding/json"

// Text is the written form, byte for byte that of geard: JSON in the order of the fields, two
// spaces a level, empty lists and zero ports left out, a newline at the end. Parse reads it back.
func (d *Deployment) Text() []byte {
	out := *d
	if out.Containers == nil {
		out.Containers = []Container{}
	}
	if out.Instances == nil {
		out.Instances = []Instance{}
	}
	// It fails for types that JSON has no form for, and there are none in a Deployment.
	text, _ := json.MarshalIndent(out, "", "  ")
	return append(text, '\n')
}
