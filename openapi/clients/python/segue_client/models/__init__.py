"""Contains all the data models used in inputs/outputs"""

from .access_token import AccessToken
from .app import App
from .app_create import AppCreate
from .app_create_labels import AppCreateLabels
from .app_labels import AppLabels
from .app_page import AppPage
from .app_update import AppUpdate
from .app_update_labels import AppUpdateLabels
from .app_update_previews_type_0 import AppUpdatePreviewsType0
from .app_update_repo_type_0 import AppUpdateRepoType0
from .audit_checkpoint import AuditCheckpoint
from .audit_page import AuditPage
from .audit_record import AuditRecord
from .audit_record_detail import AuditRecordDetail
from .audit_verification import AuditVerification
from .build import Build
from .build_detail import BuildDetail
from .build_detail_steps_item import BuildDetailStepsItem
from .build_page import BuildPage
from .builder_kind_word import BuilderKindWord
from .channel_word import ChannelWord
from .condition import Condition
from .config import Config
from .config_difference import ConfigDifference
from .config_page import ConfigPage
from .config_patch import ConfigPatch
from .config_values import ConfigValues
from .confirm import Confirm
from .confirmed import Confirmed
from .deploy import Deploy
from .deployment import Deployment
from .deployment_create import DeploymentCreate
from .deployment_event_page import DeploymentEventPage
from .deployment_page import DeploymentPage
from .deployment_promote import DeploymentPromote
from .device import Device
from .device_ask import DeviceAsk
from .device_confirm import DeviceConfirm
from .device_start import DeviceStart
from .device_started import DeviceStarted
from .device_token import DeviceToken
from .environment import Environment
from .environment_comparison import EnvironmentComparison
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
from .fetched_source import FetchedSource
from .field_error import FieldError
from .forge_word import ForgeWord
from .freeze_create import FreezeCreate
from .freeze_page import FreezePage
from .freeze_window import FreezeWindow
from .health_check import HealthCheck
from .hook import Hook
from .hook_call import HookCall
from .hook_call_page import HookCallPage
from .hook_create import HookCreate
from .hook_page import HookPage
from .hook_taken import HookTaken
from .host import Host
from .host_labels import HostLabels
from .host_page import HostPage
from .instance import Instance
from .instance_page import InstancePage
from .invitation import Invitation
from .invitation_accept import InvitationAccept
from .invitation_accepted import InvitationAccepted
from .invitation_create import InvitationCreate
from .invitation_page import InvitationPage
from .invitation_shown import InvitationShown
from .invitation_token import InvitationToken
from .key_rotate import KeyRotate
from .key_rotated import KeyRotated
from .key_set import KeySet
from .kind_word import KindWord
from .lock import Lock
from .lock_create import LockCreate
from .locks import Locks
from .log_line import LogLine
from .log_page import LogPage
from .login import Login
from .me import Me
from .me_update import MeUpdate
from .member import Member
from .member_add import MemberAdd
from .member_page import MemberPage
from .member_role import MemberRole
from .member_update import MemberUpdate
from .metrics import Metrics
from .metrics_point import MetricsPoint
from .openapi_get_response_200 import OpenapiGetResponse200
from .password_set import PasswordSet
from .person import Person
from .planned_action_word import PlannedActionWord
from .planned_change import PlannedChange
from .planned_service import PlannedService
from .planned_variable import PlannedVariable
from .previews import Previews
from .problem import Problem
from .problem_code_word import ProblemCodeWord
from .promoted_from import PromotedFrom
from .promotion_plan import PromotionPlan
from .promotion_plan_images import PromotionPlanImages
from .public_key import PublicKey
from .quota_figure import QuotaFigure
from .quota_set import QuotaSet
from .quota_view import QuotaView
from .receipt import Receipt
from .registry import Registry
from .registry_create import RegistryCreate
from .registry_kind_word import RegistryKindWord
from .registry_page import RegistryPage
from .release import Release
from .release_change import ReleaseChange
from .release_comparison import ReleaseComparison
from .release_diff import ReleaseDiff
from .release_page import ReleasePage
from .release_services import ReleaseServices
from .release_share import ReleaseShare
from .released_service import ReleasedService
from .replicas import Replicas
from .repo import Repo
from .reset_link import ResetLink
from .reset_request import ResetRequest
from .reset_use import ResetUse
from .rollout_strategy_word import RolloutStrategyWord
from .run import Run
from .run_create import RunCreate
from .run_page import RunPage
from .scale_set import ScaleSet
from .scale_set_replicas import ScaleSetReplicas
from .scale_view import ScaleView
from .scale_view_replicas import ScaleViewReplicas
from .secret import Secret
from .secret_difference import SecretDifference
from .secret_page import SecretPage
from .secret_set import SecretSet
from .secret_value import SecretValue
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
from .session import Session
from .session_page import SessionPage
from .setup_create import SetupCreate
from .setup_done import SetupDone
from .signed_in import SignedIn
from .source import Source
from .source_fetch import SourceFetch
from .source_plan import SourcePlan
from .spec_difference import SpecDifference
from .spec_view import SpecView
from .status import Status
from .status_classes import StatusClasses
from .team import Team
from .team_create import TeamCreate
from .team_page import TeamPage
from .team_role import TeamRole
from .team_token_create import TeamTokenCreate
from .team_update import TeamUpdate
from .token import Token
from .token_create import TokenCreate
from .token_page import TokenPage
from .variable import Variable
from .webhook import Webhook
from .webhook_create import WebhookCreate
from .webhook_delivered import WebhookDelivered
from .webhook_delivered_page import WebhookDeliveredPage
from .webhook_delivered_payload import WebhookDeliveredPayload
from .webhook_page import WebhookPage
from .webhook_update import WebhookUpdate
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
    "AppUpdatePreviewsType0",
    "AppUpdateRepoType0",
    "AuditCheckpoint",
    "AuditPage",
    "AuditRecord",
    "AuditRecordDetail",
    "AuditVerification",
    "Build",
    "BuildDetail",
    "BuildDetailStepsItem",
    "BuilderKindWord",
    "BuildPage",
    "ChannelWord",
    "Condition",
    "Config",
    "ConfigDifference",
    "ConfigPage",
    "ConfigPatch",
    "ConfigValues",
    "Confirm",
    "Confirmed",
    "Deploy",
    "Deployment",
    "DeploymentCreate",
    "DeploymentEventPage",
    "DeploymentPage",
    "DeploymentPromote",
    "Device",
    "DeviceAsk",
    "DeviceConfirm",
    "DeviceStart",
    "DeviceStarted",
    "DeviceToken",
    "Environment",
    "EnvironmentComparison",
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
    "FetchedSource",
    "FieldError",
    "ForgeWord",
    "FreezeCreate",
    "FreezePage",
    "FreezeWindow",
    "HealthCheck",
    "Hook",
    "HookCall",
    "HookCallPage",
    "HookCreate",
    "HookPage",
    "HookTaken",
    "Host",
    "HostLabels",
    "HostPage",
    "Instance",
    "InstancePage",
    "Invitation",
    "InvitationAccept",
    "InvitationAccepted",
    "InvitationCreate",
    "InvitationPage",
    "InvitationShown",
    "InvitationToken",
    "KeyRotate",
    "KeyRotated",
    "KeySet",
    "KindWord",
    "Lock",
    "LockCreate",
    "Locks",
    "Login",
    "LogLine",
    "LogPage",
    "Me",
    "Member",
    "MemberAdd",
    "MemberPage",
    "MemberRole",
    "MemberUpdate",
    "Metrics",
    "MetricsPoint",
    "MeUpdate",
    "OpenapiGetResponse200",
    "PasswordSet",
    "Person",
    "PlannedActionWord",
    "PlannedChange",
    "PlannedService",
    "PlannedVariable",
    "Previews",
    "Problem",
    "ProblemCodeWord",
    "PromotedFrom",
    "PromotionPlan",
    "PromotionPlanImages",
    "PublicKey",
    "QuotaFigure",
    "QuotaSet",
    "QuotaView",
    "Receipt",
    "Registry",
    "RegistryCreate",
    "RegistryKindWord",
    "RegistryPage",
    "Release",
    "ReleaseChange",
    "ReleaseComparison",
    "ReleaseDiff",
    "ReleasedService",
    "ReleasePage",
    "ReleaseServices",
    "ReleaseShare",
    "Replicas",
    "Repo",
    "ResetLink",
    "ResetRequest",
    "ResetUse",
    "RolloutStrategyWord",
    "Run",
    "RunCreate",
    "RunPage",
    "ScaleSet",
    "ScaleSetReplicas",
    "ScaleView",
    "ScaleViewReplicas",
    "Secret",
    "SecretDifference",
    "SecretPage",
    "SecretSet",
    "SecretValue",
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
    "Session",
    "SessionPage",
    "SetupCreate",
    "SetupDone",
    "SignedIn",
    "Source",
    "SourceFetch",
    "SourcePlan",
    "SpecDifference",
    "SpecView",
    "Status",
    "StatusClasses",
    "Team",
    "TeamCreate",
    "TeamPage",
    "TeamRole",
    "TeamTokenCreate",
    "TeamUpdate",
    "Token",
    "TokenCreate",
    "TokenPage",
    "Variable",
    "Webhook",
    "WebhookCreate",
    "WebhookDelivered",
    "WebhookDeliveredPage",
    "WebhookDeliveredPayload",
    "WebhookPage",
    "WebhookUpdate",
    "Why",
    "WhyWaitingItem",
)
