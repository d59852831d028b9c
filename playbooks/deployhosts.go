package playbooks

import (
	"slices"

	"netrun/inventory/diag"
	"netrun/playbooks/deployment"
	"netrun/tasks"
)

// deployHosts are the hosts in the order in which instances are dealt out.
func (l *loader) deployHosts(t *Task, args *tasks.Deploy, here *setting, d *deployment.Deployment) ([]string, bool) {
	var play []string
	if l.inventory != nil && here.play != nil {
		hosts, err := here.play.Match(l.inventory, "")
		if err != nil {
			return nil, true // it is said when the play is compiled
		}
		play = hostNames(hosts)
	}
	var out []string
	switch {
	case !whole(args):
		out = places(d)
	case len(args.Hosts) == 0:
		return play, true
	}
	for _, h := range args.Hosts {
		some, err := l.deployHost(h)
		if err != nil {
			l.errs.Add(placed(err, t.argumentPos(&tasks.ArgError{Path: []any{"hosts"}})))
			return nil, false
		}
		out = append(out, some...)
	}
	for _, h := range out {
		name := hostName(h)
		if name == "localhost" && slices.ContainsFunc(out, func(o string) bool { return hostName(o) != name }) {
			l.errs.Add(diag.Errorf(t.argumentPos(&tasks.ArgError{Path: []any{"hosts"}}), "localhost among other hosts: it is another one for each of them").
				WithHint("give this machine a name in the inventory, with ansible_connection=local and its node_address"))
			return nil, false
		}
		if l.inventory != nil && !args.Partial && !slices.Contains(play, name) {
			l.errs.Add(diag.Errorf(t.argumentPos(&tasks.ArgError{Path: []any{"hosts"}}), "host %s is none of this play's hosts", name))
			return nil, false
		}
	}
	return out, true
}

// places are the hosts that the instances are on, each once.
func places(d *deployment.Deployment) []string {
	var out []string
	for _, i := range d.Instances {
		if i.On != "" && !slices.Contains(out, i.On) {
			out = append(out, i.On)
		}
	}
	return out
}

// deployHost is one host, as geard writes them too (node1:43273), or those of a pattern.
func (l *loader) deployHost(text string) ([]string, error) {
	h, err := deployment.ParseHost(text)
	if l.inventory == nil {
		return []string{text}, err
	}
	if err == nil && l.inventory.Host(h.Name) != nil {
		return []string{text}, nil
	}
	hosts, matchErr := l.inventory.Match(text)
	if matchErr != nil {
		return nil, matchErr
	}
	return hostNames(hosts), nil
}

// hostName is the inventory's name of a host as a deployment has it.
func hostName(on string) string {
	h, err := deployment.ParseHost(on)
	if err != nil {
		return on
	}
	return h.Name
}

// covers notes which of the deployment's hosts the play has.
func (l *loader) covers(d *Deployed, here *setting) {
	if l.inventory == nil || here.play == nil {
		return
	}
	hosts, err := here.play.Match(l.inventory, "")
	if err != nil {
		return // it is said when the play is compiled
	}
	if l.covered[d.Plan] == nil {
		l.covered[d.Plan] = map[string]bool{}
	}
	d.here = map[string]bool{}
	for _, h := range hosts {
		d.here[h.Name()], l.covered[d.Plan][h.Name()] = true, true
	}
}

// leftBehind warns of instances to be removed on hosts that no play contacts.
func (l *loader) leftBehind() {
	for _, d := range l.book.Deployments {
		for _, i := range d.Plan.Removed {
			if h := hostName(i.On); l.covered[d.Plan] != nil && !l.covered[d.Plan][h] {
				l.book.Warnings = append(l.book.Warnings, diag.Errorf(d.Pos, "instance %s is left on %s, which is none of the play's hosts", i.ID, h))
			}
		}
	}
}
