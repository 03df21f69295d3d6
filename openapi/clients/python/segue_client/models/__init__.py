"""Contains all the data models used in inputs/outputs"""

from .access_token import AccessToken
from .app import App
from .app_create import AppCreate
from .app_create_labels import AppCreateLabels
from .app_labels import AppLabels
from .app_page import AppPage
from .app_update import AppUpdate
from .app_update_labels import AppUpdateLabels
from .app_update_repo_type_0 import AppUpdateRepoType0
from .build import Build
from .build_detail import BuildDetail
from .build_detail_steps_item import BuildDetailStepsItem
from .build_page import BuildPage
from .builder_kind_word import BuilderKindWord
from .condition import Condition
from .config import Config
from .config_page import ConfigPage
from .config_patch import ConfigPatch
from .config_values import ConfigValues
from .deploy import Deploy
from .deployment import Deployment
from .deployment_create import DeploymentCreate
from .deployment_event_page import DeploymentEventPage
from .deployment_page import DeploymentPage
from .environment import Environment
from .environment_create import EnvironmentCreate
from .environment_kind_word_word import EnvironmentKindWordWord
from .environment_page import EnvironmentPage
from .environment_spec import EnvironmentSpec
from .environment_spec_config import EnvironmentSpecConfig
from .environment_spec_services import EnvironmentSpecServices
from .environment_update import EnvironmentUpdate
from .event import Event
from .event_page import EventPage
from .event_subject import EventSubject
from .failure import Failure
from .field_error import FieldError
from .health_check import HealthCheck
from .host import Host
from .host_labels import HostLabels
from .host_page import HostPage
from .instance import Instance
from .instance_page import InstancePage
from .key_set import KeySet
from .kind_word import KindWord
from .log_line import LogLine
from .log_page import LogPage
from .me import Me
from .member import Member
from .member_add import MemberAdd
from .member_page import MemberPage
from .openapi_get_response_200 import OpenapiGetResponse200
from .planned_action_word import PlannedActionWord
from .planned_change import PlannedChange
from .problem import Problem
from .problem_code_word import ProblemCodeWord
from .public_key import PublicKey
from .receipt import Receipt
from .release import Release
from .release_change import ReleaseChange
from .release_diff import ReleaseDiff
from .release_page import ReleasePage
from .release_services import ReleaseServices
from .released_service import ReleasedService
from .replicas import Replicas
from .repo import Repo
from .rollout_strategy_word import RolloutStrategyWord
from .scale_set import ScaleSet
from .scale_set_replicas import ScaleSetReplicas
from .scale_view import ScaleView
from .scale_view_replicas import ScaleViewReplicas
from .secret import Secret
from .secret_page import SecretPage
from .secret_set import SecretSet
from .service import Service
from .service_config import ServiceConfig
from .service_page import ServicePage
from .service_placement import ServicePlacement
from .service_placement_require import ServicePlacementRequire
from .service_resources import ServiceResources
from .service_update import ServiceUpdate
from .service_view import ServiceView
from .service_volume import ServiceVolume
from .service_volumes import ServiceVolumes
from .setup_create import SetupCreate
from .setup_done import SetupDone
from .source import Source
from .spec_view import SpecView
from .status import Status
from .status_classes import StatusClasses
from .team import Team
from .team_create import TeamCreate
from .team_page import TeamPage
from .token import Token
from .token_create import TokenCreate
from .token_page import TokenPage
from .variable import Variable
from .why import Why
from .why_waiting_item import WhyWaitingItem

__all__ = (
    "AccessToken",
    "App",
    "AppCreate",
    "AppCreateLabels",
    "AppLabels",
    "AppPage",
    "AppUpdate",
    "AppUpdateLabels",
    "AppUpdateRepoType0",
    "Build",
    "BuildDetail",
    "BuildDetailStepsItem",
    "BuilderKindWord",
    "BuildPage",
    "Condition",
    "Config",
    "ConfigPage",
    "ConfigPatch",
    "ConfigValues",
    "Deploy",
    "Deployment",
    "DeploymentCreate",
    "DeploymentEventPage",
    "DeploymentPage",
    "Environment",
    "EnvironmentCreate",
    "EnvironmentKindWordWord",
    "EnvironmentPage",
    "EnvironmentSpec",
    "EnvironmentSpecConfig",
    "EnvironmentSpecServices",
    "EnvironmentUpdate",
    "Event",
    "EventPage",
    "EventSubject",
    "Failure",
    "FieldError",
    "HealthCheck",
    "Host",
    "HostLabels",
    "HostPage",
    "Instance",
    "InstancePage",
    "KeySet",
    "KindWord",
    "LogLine",
    "LogPage",
    "Me",
    "Member",
    "MemberAdd",
    "MemberPage",
    "OpenapiGetResponse200",
    "PlannedActionWord",
    "PlannedChange",
    "Problem",
    "ProblemCodeWord",
    "PublicKey",
    "Receipt",
    "Release",
    "ReleaseChange",
    "ReleaseDiff",
    "ReleasedService",
    "ReleasePage",
    "ReleaseServices",
    "Replicas",
    "Repo",
    "RolloutStrategyWord",
    "ScaleSet",
    "ScaleSetReplicas",
    "ScaleView",
    "ScaleViewReplicas",
    "Secret",
    "SecretPage",
    "SecretSet",
    "Service",
    "ServiceConfig",
    "ServicePage",
    "ServicePlacement",
    "ServicePlacementRequire",
    "ServiceResources",
    "ServiceUpdate",
    "ServiceView",
    "ServiceVolume",
    "ServiceVolumes",
    "SetupCreate",
    "SetupDone",
    "Source",
    "SpecView",
    "Status",
    "StatusClasses",
    "Team",
    "TeamCreate",
    "TeamPage",
    "Token",
    "TokenCreate",
    "TokenPage",
    "Variable",
    "Why",
    "WhyWaitingItem",
)
