// Package geard tests links and deployments, which are geard's, on hosts with a real
// sshd and Docker, with a real redis in the containers. It has only tests.
package geard
