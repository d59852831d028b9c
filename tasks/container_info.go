package tasks

import (
	"netrun/tasks/state"
)

// ContainerInfo tells what a host knows of containers, and changes nothing.
type ContainerInfo struct {
	Containers []Container `arg:"containers,required" doc:"the containers: names or ids of Docker or podman, PROJECT/SERVICE of compose, names of network namespaces, or pid:N"`
	Running    bool        `arg:"running" doc:"it is an error if one of them does not run"`
}

func init() {
	Register(Kind{Name: "container_info", Short: "what a host knows of containers: whether they run, their ports and links", New: func() Task { return new(ContainerInfo) }})
}

// Check implements Task.
func (c *ContainerInfo) Check() error { return nil }

func (c *ContainerInfo) inspect(i int) state.Inspect {
	return state.Inspect{Name: string(place{container: c.Containers[i]}.scope()), Running: c.Running}
}

// Want implements Wanter: nothing, after a look at the containers.
func (c *ContainerInfo) Want() []state.Want {
	var out []state.Want
	for i := range c.Containers {
		out = append(out, state.Want{Object: c.inspect(i)})
	}
	return out
}

// Told implements Teller: a map by the names as they were given.
func (c *ContainerInfo) Told(view state.View) map[string]any {
	all := map[string]any{}
	for i, name := range c.Containers {
		seen := c.inspect(i).See(view)
		ports := map[string]any{}
		for port, host := range seen.Ports {
			ports[port] = host
		}
		links, addresses := []any{}, []any{}
		for _, l := range seen.Links {
			links = append(links, l.String())
		}
		for _, a := range seen.Addresses {
			addresses = append(addresses, a)
		}
		runtime, _ := seen.Scope.Split()
		all[string(name)] = map[string]any{"exists": seen.There, "running": seen.Running, "id": seen.ID, "runtime": runtime,
			"addresses": addresses, "ports": ports, "links": links}
	}
	return map[string]any{"containers": all}
}
