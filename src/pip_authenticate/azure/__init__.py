"""What speaks to Azure DevOps and Microsoft Entra: addresses, the job, feeds, roles, GUIDs, exchanges."""
