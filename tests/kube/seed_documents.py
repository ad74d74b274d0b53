"""The resources of the guide that the product was ordered by, as they stand there; MULTIPLE is typed over the `spec:` of SETTINGS."""
SETTINGS = """\
apiVersion: ambient-code.io/v1
kind: ProjectSettings
metadata:
  name: projectsettings
  namespace: my-project
spec:
  repositories:
    - url: "https://gitlab.com/myteam/myrepo.git"
      branch: "main"
      provider: "gitlab"  # Auto-detected, optional
"""
MULTIPLE = """\
spec:
  repositories:
    - url: "https://github.com/myteam/frontend.git"
      branch: "main"
    - url: "https://gitlab.com/myteam/backend.git"
      branch: "develop"
"""
SESSION = """\
apiVersion: ambient-code.io/v1alpha1
kind: AgenticSession
metadata:
  name: add-feature-x
  namespace: my-project
spec:
  description: "Add feature X to the backend service"
  outputRepo:
    url: "https://gitlab.com/myteam/backend.git"
    branch: "feature/add-feature-x"
"""
