"""The local site: answers the caller, runs the application, asks for an agent, holds, raises the network leg."""
